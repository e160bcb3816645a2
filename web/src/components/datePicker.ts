export { ElDatePicker } from 'element-plus';
